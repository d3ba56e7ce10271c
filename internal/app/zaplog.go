// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"go.uber.org/zap/zapcore"
)

// zapCore hands what certmagic logs through zap to the server's own log. Its steps, of
// which there are many, are for debugging; its warnings and errors keep their level
// until the server stops, which fails whatever is under way.
type zapCore struct {
	handler  slog.Handler
	stopping <-chan struct{}
}

var _ zapcore.Core = zapCore{}

func (c zapCore) level(l zapcore.Level) slog.Level {
	select {
	case <-c.stopping:
		return slog.LevelDebug
	default:
	}
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled reports whether an entry of the level is logged.
func (c zapCore) Enabled(l zapcore.Level) bool {
	return c.handler.Enabled(context.Background(), c.level(l))
}

// With returns a core that adds the fields to every entry.
func (c zapCore) With(fields []zapcore.Field) zapcore.Core {
	return zapCore{c.handler.WithAttrs(slogAttrs(fields)), c.stopping}
}

// Check adds the core to the entry if it is to be logged.
func (c zapCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write logs an entry.
func (c zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	r := slog.NewRecord(e.Time, c.level(e.Level), e.Message, 0)
	r.AddAttrs(slogAttrs(fields)...)
	return c.handler.Handle(context.Background(), r)
}

// Sync does nothing: nothing is held back.
func (c zapCore) Sync() error { return nil }

// slogAttrs keeps the order of the fields; one of them can make several attributes.
func slogAttrs(fields []zapcore.Field) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		m := zapcore.NewMapObjectEncoder()
		f.AddTo(m)
		for _, key := range slices.Sorted(maps.Keys(m.Fields)) {
			attrs = append(attrs, slog.Any(key, m.Fields[key]))
		}
	}
	return attrs
}
