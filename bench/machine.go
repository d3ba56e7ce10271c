// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// machine is what a figure means nothing without.
type machine struct {
	CPU      string
	CPUs     int
	Memory   int64 // octets
	System   string
	Kernel   string
	Disk     string // file system of the work directory and its device
	Versions []string
	Date     time.Time
	Command  string
	Rounds   int
	SyncP50  []float64 // milliseconds of a 4 KiB append with fsync, one value a round
	SyncP99  []float64
}

// describe looks at the machine and the programs.
func describe(ctx context.Context, o options) (machine, error) {
	m := machine{CPUs: runtime.NumCPU(), Date: time.Now().UTC(), Command: o.command, Rounds: o.rounds}
	m.CPU = field("/proc/cpuinfo", "model name", ":")
	kb, _ := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal", ":"), " kB"), 10, 64)
	m.Memory = kb << 10
	m.System = strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`)
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	out, err := exec.CommandContext(ctx, "df", "--output=fstype,source", o.work).Output()
	if err != nil {
		return m, fmt.Errorf("df %s: %w", o.work, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	m.Disk = strings.Join(strings.Fields(lines[len(lines)-1]), " on ")
	if strings.HasPrefix(m.Disk, "tmpfs") {
		return m, fmt.Errorf("%s is in memory, where fsync does nothing; choose another with -work", o.work)
	}
	m.Versions = versions(ctx, o)
	return m, nil
}

// versions asks every program for its version; one that is not there is left out.
func versions(ctx context.Context, o options) []string {
	var all []string
	ask := func(name string, words int, args ...string) {
		// Some of them answer a question for their version with a failure.
		out, _ := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		f := strings.Fields(strings.SplitN(string(out), "\n", 2)[0])
		if len(f) > words {
			all = append(all, name+" "+f[words])
		}
	}
	if out, err := exec.CommandContext(ctx, "git", "-C", o.root, "describe", "--always", "--dirty").Output(); err == nil {
		all = append(all, "Sesame "+strings.TrimSpace(string(out)))
	}
	ask("Postfix", 2, "/usr/sbin/postconf", "-d", "mail_version")
	ask("OpenDKIM", 3, "/usr/sbin/opendkim", "-V")
	for _, name := range []string{"Haraka", standIn} {
		var pkg struct{ Version string }
		b, err := os.ReadFile(filepath.Join(o.path(nodeCache), "node_modules", name, "package.json"))
		if err == nil && json.Unmarshal(b, &pkg) == nil {
			all = append(all, name+" "+pkg.Version)
		}
	}
	ask("Node.js", 0, "node", "--version")
	ask("OpenSSL", 1, "openssl", "version")
	return append(all, strings.Replace(runtime.Version(), "go", "Go ", 1))
}

// field returns the value of the first line of a file that begins with key.
func field(path, key, separator string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, separator); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// measureSync appends 4 KiB and calls fsync, 300 times, and notes the median and the
// 99th percentile.
func (m *machine) measureSync(dir string) error {
	f, err := os.CreateTemp(dir, "sesame-bench-fsync-")
	if err != nil {
		return err
	}
	defer func() { _ = f.Close(); _ = os.Remove(f.Name()) }()
	block := filler(4 << 10)
	took := make([]time.Duration, 300)
	for i := range took {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	m.SyncP50 = append(m.SyncP50, took[len(took)/2].Seconds()*1000)
	m.SyncP99 = append(m.SyncP99, took[len(took)*99/100].Seconds()*1000)
	return nil
}
