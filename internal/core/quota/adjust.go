// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/store"
)

// Names of the counters of hard bounces and of complaints.
const (
	Bounced    = "bounce"
	Complained = "complaint"
)

// Adjuster changes the quotas of accounts by a Policy. Each change is recorded and told
// to the owner. Several nodes may run it at once.
type Adjuster struct {
	DB       *store.DB
	Accounts interface {
		Accounts
		AdjustLimits(ctx context.Context, sc scope.Scope, by account.Adjustment) error
	}
	Clock   clock.Clock
	Default Limits
	Policy  Policy
	Log     *slog.Logger
}

// adjuster is the actor of the record of changes.
const adjuster = "reputation"

// Run looks at all accounts now and each time after every, until ctx ends.
func (a *Adjuster) Run(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if err := a.Once(ctx); err != nil && ctx.Err() == nil {
			a.Log.Error("adjusting sending quotas", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Once looks at all accounts that sent in the last day. One that fails does not keep
// the others from their turn.
func (a *Adjuster) Once(ctx context.Context) error {
	rows, err := a.DB.Query(ctx, `SELECT DISTINCT account, region FROM counters WHERE name = ? AND minute >= ?`,
		Counter, minuteOf(a.Clock())-windowMinutes)
	if err != nil {
		return store.Wrap("quota.Adjuster", err)
	}
	defer rows.Close()
	var scopes []scope.Scope
	for rows.Next() {
		var sc scope.Scope
		if err := rows.Scan(&sc.Account, &sc.Region); err != nil {
			return store.Wrap("quota.Adjuster", err)
		}
		scopes = append(scopes, sc)
	}
	errs := []error{store.Wrap("quota.Adjuster", errors.Join(rows.Err(), rows.Close()))}
	for _, sc := range scopes {
		if err := a.adjust(ctx, sc); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", sc, err))
		}
	}
	return errors.Join(errs...)
}

func (a *Adjuster) adjust(ctx context.Context, sc scope.Scope) error {
	d, err := a.Accounts.Details(ctx, sc)
	if err != nil {
		return err
	}
	if d.Sandbox || !d.MaySend() || a.Clock().Sub(d.LimitsAt) < changeEvery {
		return nil
	}
	s, err := a.standing(ctx, sc)
	if err != nil {
		return err
	}
	next, reason := a.Policy.Next(LimitsOf(d, a.Default), s)
	if reason == "" {
		return nil
	}
	a.Log.Info("sending quotas follow the reputation", "account", sc.Account, "region", sc.Region,
		"daily", next.Daily, "rate", next.Rate, "reason", reason)
	return a.Accounts.AdjustLimits(ctx, sc, account.Adjustment{
		From: d.Limits, To: account.Limits(next), Since: d.LimitsAt, Actor: adjuster, Reason: reason,
	})
}

// The rates are those of the last 14 days, or of the last 10,000 recipients where those
// reach further back, as far as the counters are kept.
const (
	standingDays       = 14
	standingRecipients = 10_000
	peakDays           = 7
	minutesOfDay       = 24 * 60
)

// standing sums the counters up by day, the newest first.
func (a *Adjuster) standing(ctx context.Context, sc scope.Scope) (s Standing, err error) {
	rows, err := a.DB.Query(ctx, `SELECT minute / 1440 AS day, name, SUM(value) FROM counters
		WHERE account = ? AND region = ? AND name IN (?, ?, ?, ?) GROUP BY 1, 2 ORDER BY 1 DESC`,
		sc.Account, sc.Region, Counter, Simulated, Bounced, Complained)
	if err != nil {
		return s, store.Wrap("quota.Adjuster", err)
	}
	defer rows.Close()
	today := minuteOf(a.Clock()) / minutesOfDay
	days := map[int64]int64{}
	last := today
	for rows.Next() {
		var day, n int64
		var name string
		if err := rows.Scan(&day, &name, &n); err != nil {
			return s, store.Wrap("quota.Adjuster", err)
		}
		if day != last && today-day >= standingDays && s.Recipients >= standingRecipients {
			break
		}
		last = day
		switch name {
		case Counter:
			s.Recipients += n
			days[day] += n
		case Simulated:
			s.Recipients -= n
			days[day] -= n
		case Bounced:
			s.Bounces += n
		case Complained:
			s.Complaints += n
		}
	}
	for day, n := range days {
		if today-day < peakDays {
			s.Peak = max(s.Peak, n)
		}
	}
	return s, store.Wrap("quota.Adjuster", rows.Err())
}
