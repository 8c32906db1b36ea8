package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// scrape is what a target exposed at a time.
type scrape struct {
	// Seconds since 1970.
	Seconds int64 `json:"seconds"`
	// ContentType is the answer's header.
	ContentType string `json:"contentType"`
	Text        string `json:"text"`
}

// target is what Prometheus knows of where it scrapes.
type target struct {
	// Labels come from service discovery.
	Labels map[string]string `json:"labels"`
	// HonorLabels lets labels win that are exposed under the same name.
	HonorLabels bool `json:"honorLabels"`
}

// stored returns labels as they are stored: with those of the target. Where both have one, that of the target wins
// and the other is renamed, unless exposed labels are honored.
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
func (t target) stored(exposed labels.Labels) labels.Labels {
	built := labels.NewBuilder(exposed)
	for name, value := range t.Labels {
		own := exposed.Get(name)
		if own != "" && t.HonorLabels {
			continue
		}
		if own != "" {
			built.Set(model.ExportedLabelPrefix+name, own)
		}
		built.Set(name, value)
	}
	return built.Labels()
}

// series keeps series in memory and lets them be queried.
type series struct {
	storage.LabelQuerier
	all []promql.Series
	// latest is when the last scrape was.
	latest time.Time
}

// load reads scrapes, the oldest first.
func load(scrapes []scrape, from target) (*series, error) {
	kept := &series{LabelQuerier: storage.NoopQuerier()}
	known := map[string]int{}
	for _, one := range scrapes {
		kept.latest = time.Unix(one.Seconds, 0)
		read, err := textparse.New([]byte(one.Text), one.ContentType, nil, textparse.ParserOptions{})
		if err != nil {
			return nil, err
		}
		for {
			entry, err := read.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			if entry != textparse.EntrySeries {
				continue
			}
			var exposed labels.Labels
			read.Labels(&exposed)
			_, _, value := read.Series()
			stored := from.stored(exposed)
			index, found := known[stored.String()]
			if !found {
				index = len(kept.all)
				known[stored.String()] = index
				kept.all = append(kept.all, promql.Series{Metric: stored})
			}
			point := promql.FPoint{T: kept.latest.UnixMilli(), F: value}
			kept.all[index].Floats = append(kept.all[index].Floats, point)
		}
	}
	return kept, nil
}

// matching returns the series that all matchers match.
func (s *series) matching(matchers []*labels.Matcher) []promql.Series {
	var found []promql.Series
	for _, one := range s.all {
		if matches(one.Metric, matchers) {
			found = append(found, one)
		}
	}
	return found
}

func matches(own labels.Labels, matchers []*labels.Matcher) bool {
	for _, matcher := range matchers {
		if !matcher.Matches(own.Get(matcher.Name)) {
			return false
		}
	}
	return true
}

// Querier implements storage.Queryable.
func (s *series) Querier(int64, int64) (storage.Querier, error) {
	return s, nil
}

// Select implements storage.Querier.
func (s *series) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	return &set{found: s.matching(matchers)}
}

// set walks over series; it stands before the first.
type set struct {
	found []promql.Series
	next  int
}

func (s *set) Next() bool {
	s.next++
	return s.next <= len(s.found)
}

func (s *set) At() storage.Series                { return promql.NewStorageSeries(s.found[s.next-1]) }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }
