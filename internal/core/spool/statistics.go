// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"context"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/quota"
	"sesame/internal/core/store"
)

// DataPoint is what happened in the 15 minutes from Start (SES: GetSendStatistics).
// Attempts counts accepted recipients, Bounces hard bounces alone,
// Rejects those of messages with bad content.
type DataPoint struct {
	Start                                  time.Time
	Attempts, Bounces, Complaints, Rejects int64
}

const (
	pointMinutes      = 15
	statisticsMinutes = 14 * 24 * 60
)

// SendStatistics returns the points of the last two weeks in which anything
// happened, oldest first.
func (s *Spool) SendStatistics(ctx context.Context, sc scope.Scope) ([]DataPoint, error) {
	rows, err := s.o.DB.Query(ctx, `SELECT minute, name, value FROM counters
		WHERE account = ? AND region = ? AND name IN (?, ?, ?) AND minute > ? ORDER BY minute`,
		sc.Account, sc.Region, quota.Counter, BounceCounter, RejectCounter, s.o.Clock().Unix()/60-statisticsMinutes)
	if err != nil {
		return nil, store.Wrap("spool.SendStatistics", err)
	}
	defer rows.Close()
	var points []DataPoint
	for rows.Next() {
		var minute, value int64
		var name string
		if err := rows.Scan(&minute, &name, &value); err != nil {
			return nil, store.Wrap("spool.SendStatistics", err)
		}
		start := time.Unix((minute-minute%pointMinutes)*60, 0).UTC()
		if n := len(points); n == 0 || !points[n-1].Start.Equal(start) {
			points = append(points, DataPoint{Start: start})
		}
		p := &points[len(points)-1]
		switch name {
		case quota.Counter:
			p.Attempts += value
		case BounceCounter:
			p.Bounces += value
		case RejectCounter:
			p.Rejects += value
		}
	}
	return points, store.Wrap("spool.SendStatistics", rows.Err())
}
