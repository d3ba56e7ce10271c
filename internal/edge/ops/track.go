// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"github.com/prometheus/client_golang/prometheus"

	"sesame/internal/core/track"
)

// Tracking are the numbers of open and click tracking, for Sources.Extra.
func Tracking(stats func() track.RecorderStats) []prometheus.Collector {
	counter := func(name, help string, f func(track.RecorderStats) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(f(stats())) })
	}
	gauge := func(name, help string, f func(track.RecorderStats) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(f(stats())) })
	}
	return []prometheus.Collector{
		counter("sesame_track_opens_total", "Opens stored.", func(s track.RecorderStats) int64 { return s.Opens }),
		counter("sesame_track_clicks_total", "Clicks stored.", func(s track.RecorderStats) int64 { return s.Clicks }),
		counter("sesame_track_late_total", "Opens and clicks of mail that is too old to count them.", func(s track.RecorderStats) int64 { return s.Late }),
		counter("sesame_track_lost_total", "Opens and clicks that there was no room to keep.", func(s track.RecorderStats) int64 { return s.Lost }),
		counter("sesame_track_failures_total", "Writes of opens and clicks that failed; they are tried again.", func(s track.RecorderStats) int64 { return s.Failures }),
		gauge("sesame_track_waiting", "Opens and clicks waiting to be stored.", func(s track.RecorderStats) int { return s.Waiting }),
		gauge("sesame_track_waiting_limit", "Bound of sesame_track_waiting.", func(s track.RecorderStats) int { return s.MaxWaiting }),
	}
}
