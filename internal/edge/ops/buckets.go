// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Buckets counts what the door of the buckets answers. It is safe for concurrent use.
type Buckets struct{ answered *prometheus.CounterVec }

// NewBuckets returns counters at zero.
func NewBuckets() *Buckets {
	return &Buckets{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sesame_bucket_answers_total", Help: "Answers of the S3 API, by operation; it is empty where the request was none.",
	}, []string{"operation", "status"})}
}

// Answered counts an answer. The operations are a closed set.
func (b *Buckets) Answered(operation string, status int) {
	b.answered.WithLabelValues(operation, strconv.Itoa(status)).Inc()
}

// Collectors are for Sources.Extra.
func (b *Buckets) Collectors() []prometheus.Collector { return []prometheus.Collector{b.answered} }
