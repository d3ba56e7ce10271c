// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// windowMinutes is how many whole minutes the 24 hours reach back beyond the present
// one: a minute counts until its last second is 24 hours old.
const windowMinutes = 24 * 60

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// leaves is when a minute leaves the window.
func leaves(minute int64) time.Time { return time.Unix((minute+windowMinutes+1)*60, 0) }

// window is the count of the last 24 hours by minute.
type window struct {
	minutes map[int64]int64
	sum     int64
	swept   int64 // the minute of the last expire
}

func (w *window) add(minute, n int64) {
	if w.minutes[minute] += n; w.minutes[minute] == 0 {
		delete(w.minutes, minute)
	}
	w.sum += n
}

// expire drops the minutes that left the window, once a minute.
func (w *window) expire(now time.Time) {
	minute := minuteOf(now)
	if minute == w.swept {
		return
	}
	w.swept = minute
	for m, n := range w.minutes {
		if m < minute-windowMinutes {
			w.sum -= n
			delete(w.minutes, m)
		}
	}
}

// room is how long it takes until n recipients have left the window; 0 if that is
// longer than patience.
func (w *window) room(now time.Time, n int64, patience time.Duration) time.Duration {
	for m := minuteOf(now) - windowMinutes; ; m++ {
		wait := leaves(m).Sub(now)
		if wait > patience {
			return 0
		}
		if n -= w.minutes[m]; n <= 0 {
			return wait
		}
	}
}

// load reads the window of sc.
func (w *window) load(ctx context.Context, db *store.DB, sc scope.Scope, now time.Time) error {
	rows, err := db.Query(ctx, `SELECT minute, name, value FROM counters WHERE account = ? AND region = ? AND name IN (?, ?) AND minute >= ?`,
		sc.Account, sc.Region, Counter, Simulated, minuteOf(now)-windowMinutes)
	if err != nil {
		return store.Wrap("quota", err)
	}
	defer rows.Close()
	loaded := window{minutes: map[int64]int64{}, swept: minuteOf(now)}
	for rows.Next() {
		var m, n int64
		var name string
		if err := rows.Scan(&m, &name, &n); err != nil {
			return store.Wrap("quota", err)
		}
		if name == Simulated {
			n = -n
		}
		loaded.add(m, n)
	}
	if err := rows.Err(); err != nil {
		return store.Wrap("quota", err)
	}
	*w = loaded
	return nil
}

// windowSum is the sum of the window, by the database. Its parameters are Simulated,
// the account, the region, Counter, Simulated, and the first minute.
const windowSum = `SELECT COALESCE(SUM(CASE WHEN name = ? THEN -value ELSE value END), 0) FROM counters
	WHERE account = ? AND region = ? AND name IN (?, ?) AND minute >= ?`
