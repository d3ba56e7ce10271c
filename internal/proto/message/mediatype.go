// SPDX-License-Identifier: Apache-2.0

package message

import "strings"

// defaultMedia is the media type of files of which nothing else is known.
const defaultMedia = "application/octet-stream"

// mediaOf is the media type of a file with this name, by its extension (SES: working with
// email attachments, ContentType). It knows no other table than its own, so that a message
// is composed alike everywhere.
func mediaOf(name string) string {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return defaultMedia
	}
	if kind, ok := mediaByExtension[strings.ToLower(name[i+1:])]; ok {
		return kind
	}
	return defaultMedia
}

// mediaByExtension has the types of files that people send. It is not changed.
var mediaByExtension = map[string]string{
	"avif": "image/avif", "bmp": "image/bmp", "gif": "image/gif", "heic": "image/heic", "ico": "image/vnd.microsoft.icon",
	"jpeg": "image/jpeg", "jpg": "image/jpeg", "png": "image/png", "svg": "image/svg+xml", "tif": "image/tiff", "tiff": "image/tiff",
	"webp": "image/webp",

	"css": "text/css", "csv": "text/csv", "htm": "text/html", "html": "text/html", "ics": "text/calendar", "log": "text/plain",
	"md": "text/markdown", "rtf": "application/rtf", "txt": "text/plain", "vcf": "text/vcard", "xml": "application/xml",
	"json": "application/json", "yaml": "application/yaml", "yml": "application/yaml",

	"doc": "application/msword", "epub": "application/epub+zip", "pdf": "application/pdf",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"odp":  "application/vnd.oasis.opendocument.presentation", "ods": "application/vnd.oasis.opendocument.spreadsheet",
	"odt": "application/vnd.oasis.opendocument.text", "ppt": "application/vnd.ms-powerpoint",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation", "xls": "application/vnd.ms-excel",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",

	"7z": "application/x-7z-compressed", "bz2": "application/x-bzip2", "gz": "application/gzip", "tar": "application/x-tar",
	"tgz": "application/gzip", "zip": "application/zip",

	"aac": "audio/aac", "flac": "audio/flac", "m4a": "audio/mp4", "mp3": "audio/mpeg", "ogg": "audio/ogg", "wav": "audio/wav",
	"avi": "video/x-msvideo", "mov": "video/quicktime", "mp4": "video/mp4", "mpeg": "video/mpeg", "webm": "video/webm",

	"p7m": "application/pkcs7-mime", "p7s": "application/pkcs7-signature",
}
