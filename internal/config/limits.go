// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"time"
)

// Limits are what accounts may do unless the operator says otherwise of one.
type Limits struct {
	DailyQuota  float64    `toml:"daily_quota"`   // recipients in 24 hours; 0 means none
	MaxSendRate float64    `toml:"max_send_rate"` // recipients a second; 0 means none
	MaxDelay    Duration   `toml:"max_delay"`     // how long a message waits in quota mode delay
	Sandbox     bool       `toml:"sandbox"`       // accounts have no production access until it is granted
	APICalls    CallRate   `toml:"api_calls"`
	Reputation  Reputation `toml:"reputation"`

	VerificationMails int `toml:"verification_mails"` // an hour, of all accounts together; 0 means any number
}

// CallRate is how often an account may call one operation of the API in a region, in
// calls a second; 0 is as often as it wants. It is written as "off", "ses" or a number.
type CallRate float64

// sesCalls is the rate of SES (SES: service quotas, API call rate).
const sesCalls CallRate = 1

// UnmarshalTOML reads either form.
func (r *CallRate) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		switch v {
		case "off":
			*r = 0
			return nil
		case "ses":
			*r = sesCalls
			return nil
		}
	case int64:
		*r = CallRate(v)
		return nil
	case float64:
		*r = CallRate(v)
		return nil
	}
	return errors.New(`limits.api_calls is "off", "ses" or a number of calls a second`)
}

// Reputation lets the server raise and lower the sending quotas of accounts between
// these bounds.
type Reputation struct {
	Adjust        bool    `toml:"adjust"`
	MinDailyQuota float64 `toml:"min_daily_quota"`
	MaxDailyQuota float64 `toml:"max_daily_quota"`
	MinSendRate   float64 `toml:"min_send_rate"`
	MaxSendRate   float64 `toml:"max_send_rate"`
}

func defaultLimits() Limits {
	return Limits{
		DailyQuota: 50_000, MaxSendRate: 100, MaxDelay: Duration{20 * time.Second}, VerificationMails: 5000,
		Reputation: Reputation{MinDailyQuota: 200, MaxDailyQuota: 1_000_000, MinSendRate: 1, MaxSendRate: 500},
	}
}

// maxDelay keeps a delayed message well within the time for which nodes hold quotas.
const maxDelay = time.Minute

func (l Limits) check() error {
	r := l.Reputation
	switch {
	case l.DailyQuota < 0 || l.MaxSendRate < 0 || l.APICalls < 0 || l.VerificationMails < 0:
		return errors.New("limits must not be negative")
	case l.MaxDelay.Duration < 0 || l.MaxDelay.Duration > maxDelay:
		return fmt.Errorf("limits.max_delay must be 0s to %s", maxDelay)
	case r.MinDailyQuota < 1 || r.MinSendRate <= 0 || r.MaxDailyQuota < r.MinDailyQuota || r.MaxSendRate < r.MinSendRate:
		return errors.New("limits.reputation: the minima must be above 0 and not above the maxima")
	}
	return nil
}
