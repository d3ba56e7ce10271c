// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"fmt"
	"math"
	"time"
)

// Standing is what an account in a region sent lately and how it was received, without
// the mailbox simulator. Only hard bounces count.
type Standing struct {
	Recipients, Bounces, Complaints int64
	Peak                            int64 // most recipients of a day in the last week
}

// Policy raises and lowers quotas by reputation (SES: managing sending limits,
// automatic increases). The bounds are the operator's.
type Policy struct{ Min, Max Limits }

// What decides.
const (
	bounceReview    = 0.05  // a rate that is surely above these lowers the quotas
	complaintReview = 0.001 //
	bounceFew       = 100   // but never by so few recipients
	complaintFew    = 1000

	low  = 0.5 // raised are accounts with rates below this part of those
	near = 0.8 // that used this part of their daily quota

	raiseBy, lowerBy = 1.5, 0.5

	changeEvery = 24 * time.Hour // quotas change no oftener than this
)

// Next returns the quotas that follow from the standing, and why; reason is "" if they
// stay. Quotas outside of the bounds were set by the operator: they are not drawn in. No
// limit stays no limit.
func (p Policy) Next(l Limits, s Standing) (next Limits, reason string) {
	switch {
	case s.Recipients >= bounceFew && lowerBound(s.Bounces, s.Recipients) >= bounceReview:
		next, reason = p.lower(l), fmt.Sprintf("%d of %d recipients bounced", s.Bounces, s.Recipients)
	case s.Recipients >= complaintFew && lowerBound(s.Complaints, s.Recipients) >= complaintReview:
		next, reason = p.lower(l), fmt.Sprintf("%d of %d recipients complained", s.Complaints, s.Recipients)
	case l.Daily > 0 && float64(s.Peak) >= near*l.Daily && s.Recipients >= bounceFew &&
		rate(s.Bounces, s.Recipients) < low*bounceReview && rate(s.Complaints, s.Recipients) < low*complaintReview:
		next, reason = p.raise(l), fmt.Sprintf("%d recipients in a day, and few bounces and complaints", s.Peak)
	}
	if next == l || reason == "" {
		return l, ""
	}
	return next, reason
}

func (p Policy) raise(l Limits) Limits {
	up := func(v, most, unit float64) float64 {
		return max(v, min(math.Round(v*raiseBy/unit)*unit, most))
	}
	return Limits{Daily: up(l.Daily, p.Max.Daily, 1), Rate: up(l.Rate, p.Max.Rate, 0.5)}
}

func (p Policy) lower(l Limits) Limits {
	down := func(v, least, unit float64) float64 {
		return min(v, max(math.Round(v*lowerBy/unit)*unit, least))
	}
	if l.Daily == 0 { // no limit: there is nothing to halve
		return l
	}
	next := Limits{Daily: down(l.Daily, p.Min.Daily, 1)}
	if l.Rate > 0 {
		next.Rate = down(l.Rate, p.Min.Rate, 0.5)
	}
	return next
}

func rate(n, of int64) float64 { return float64(n) / float64(max(1, of)) }

// lowerBound is the lower bound of the 95 % interval of a rate (Wilson's score
// interval), which few observations keep low.
func lowerBound(n, of int64) float64 {
	const z = 1.96
	if of == 0 {
		return 0
	}
	p, m := rate(n, of), float64(of)
	return max(0, (p+z*z/(2*m)-z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m)))/(1+z*z/m))
}
