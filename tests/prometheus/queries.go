package main

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// outcome is what came of a query.
type outcome struct {
	// Error says why it cannot be read or evaluated.
	Error string `json:"error"`
	// Samples is how many it gave, and Labels what each of them has.
	Samples int      `json:"samples"`
	Labels  []string `json:"labels"`
	// Selectors are what it takes from the storage.
	Selectors []selector `json:"selectors"`
	// Grouping has the labels that it groups or matches by.
	Grouping []string `json:"grouping"`
}

// selector is what a part of a query takes from the storage.
type selector struct {
	Metric string `json:"metric"`
	Text   string `json:"text"`
	// Series is how many it selects, and Labels what each of them has.
	Series int      `json:"series"`
	Labels []string `json:"labels"`
}

func newEngine(expressions parser.Parser) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true, Parser: expressions,
	})
}

// evaluate runs a query at the time of the last scrape, and looks at its parts.
func evaluate(engine *promql.Engine, expressions parser.Parser, kept *series, expression string) outcome {
	said := outcome{Labels: []string{}, Selectors: []selector{}, Grouping: []string{}}
	parsed, err := expressions.ParseExpr(expression)
	if err != nil {
		said.Error = err.Error()
		return said
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		said.take(node, kept)
		return nil
	})
	query, err := engine.NewInstantQuery(context.Background(), kept, nil, expression, kept.latest)
	if err != nil {
		said.Error = err.Error()
		return said
	}
	defer query.Close()
	result := query.Exec(context.Background())
	if result.Err != nil {
		said.Error = result.Err.Error()
		return said
	}
	switch value := result.Value.(type) {
	case promql.Scalar:
		said.Samples = 1
	case promql.Vector:
		said.Samples = len(value)
		given := make([]labels.Labels, len(value))
		for index, sample := range value {
			given[index] = sample.Metric
		}
		said.Labels = shared(given)
	}
	return said
}

// take notes what a part of a query says of series and labels.
func (o *outcome) take(node parser.Node, kept *series) {
	switch part := node.(type) {
	case *parser.VectorSelector:
		found := kept.matching(part.LabelMatchers)
		own := make([]labels.Labels, len(found))
		for index, one := range found {
			own[index] = one.Metric
		}
		bare := parser.VectorSelector{Name: part.Name, LabelMatchers: part.LabelMatchers}
		one := selector{Metric: part.Name, Text: bare.String(), Series: len(found), Labels: shared(own)}
		o.Selectors = append(o.Selectors, one)
	case *parser.AggregateExpr:
		o.Grouping = append(o.Grouping, part.Grouping...)
	case *parser.BinaryExpr:
		if part.VectorMatching != nil {
			o.Grouping = append(o.Grouping, part.VectorMatching.MatchingLabels...)
		}
	}
}

// shared returns the names of the labels that all have.
func shared(all []labels.Labels) []string {
	names := []string{}
	if len(all) == 0 {
		return names
	}
	all[0].Range(func(label labels.Label) {
		for _, one := range all {
			if !one.Has(label.Name) {
				return
			}
		}
		names = append(names, label.Name)
	})
	return names
}
