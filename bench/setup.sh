#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs what the benchmark compares Sesame with, and only what is missing.
#
#   setup.sh CACHE [debian] [node]
#
# debian: Postfix and OpenDKIM from Debian. Their services are not started, now or at
#         the next boot, if it is this script that installs them: the benchmark runs
#         private instances with files of its own.
# node:   Haraka and aws-ses-v2-local from npm, versions as in package.json, into CACHE.
set -eu

cache=$1
shift
here=$(cd "$(dirname "$0")" && pwd)

debian() {
	missing=
	[ -x /usr/sbin/postfix ] || missing="$missing postfix"
	[ -x /usr/sbin/opendkim ] || missing="$missing opendkim"
	[ -n "$missing" ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "setup: install$missing first (this is not Debian)" >&2
		exit 1
	fi

	# Maintainer scripts ask this file whether they may start a service.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi

	export DEBIAN_FRONTEND=noninteractive
	apt="apt-get -q -y -o DPkg::Lock::Timeout=300"
	echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
	$apt update
	# shellcheck disable=SC2086 # both are lists of words
	$apt install --no-install-recommends $missing
	if command -v systemctl >/dev/null; then
		for unit in $missing; do
			systemctl disable "$unit" || echo "setup: $unit has no unit to disable" >&2
		done
	fi
}

node_packages() {
	for tool in node npm; do
		if ! command -v "$tool" >/dev/null; then
			echo "setup: $tool is missing; Haraka needs Node.js 20 or later" >&2
			exit 1
		fi
	done
	mkdir -p "$cache"
	if cmp -s "$here/package.json" "$cache/installed.json"; then
		return 0
	fi
	rm -rf "$cache/node_modules"
	cp "$here/package.json" "$cache/package.json"
	# Nothing that the two need is compiled or fetched by an install script.
	(cd "$cache" && npm install --omit=dev --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error)
	cp "$here/package.json" "$cache/installed.json"
}

for part in "$@"; do
	case $part in
	debian) debian ;;
	node) node_packages ;;
	*)
		echo "setup: unknown part $part" >&2
		exit 2
		;;
	esac
done
