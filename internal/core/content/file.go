// SPDX-License-Identifier: Apache-2.0

package content

import (
	"slices"
	"strings"

	"sesame/internal/base/fault"
)

// BlockedExtensions are the extensions of files that SES does not send, in lower case
// and with their dots (SES: unsupported attachment types).
func BlockedExtensions() []string { return slices.Clone(blockedExtensions) }

var blockedExtensions = strings.Fields(`
	.ade .adp .app .asp .bas .bat .cer .chm .cmd .com .cpl .crt .csh .der .exe .fxp .gadget .hlp
	.hta .inf .ins .isp .its .js .jse .ksh .lib .lnk .mad .maf .mag .mam .maq .mar .mas .mat .mau
	.mav .maw .mda .mdb .mde .mdt .mdw .mdz .msc .msh .msh1 .msh1xml .msh2 .msh2xml .mshxml .msi
	.msp .mst .ops .pcd .pif .plg .prf .prg .ps1 .ps1xml .ps2 .ps2xml .psc1 .psc2 .reg .scf .scr
	.sct .shb .shs .sys .tmp .url .vb .vbe .vbs .vps .vsmacros .vss .vst .vsw .vxd .ws .wsc .wsf
	.wsh .xnk`)

// blockedByDefault has the same extensions. It is not changed.
var blockedByDefault = func() map[string]bool {
	m := make(map[string]bool, len(blockedExtensions))
	for _, ext := range blockedExtensions {
		m[ext] = true
	}
	return m
}()

// checkFileName refuses a name with a blocked extension. Dots and spaces at its end do
// not count, since systems drop them when they save the file.
func checkFileName(name string, blocked []string) error {
	trimmed := strings.TrimRight(name, ". \t\r\n\x00")
	i := strings.LastIndexByte(trimmed, '.')
	if i < 0 {
		return nil
	}
	ext := strings.ToLower(trimmed[i:])
	isBlocked := blockedByDefault[ext]
	if blocked != nil {
		isBlocked = slices.ContainsFunc(blocked, func(b string) bool { return strings.EqualFold(b, ext) })
	}
	if isBlocked {
		return fault.InField(fault.Invalid, "Attachment", "Illegal filename '%s'.", fault.Printable(name))
	}
	return nil
}
