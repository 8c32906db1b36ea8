// Command prometheus judges metrics, rules and queries with Prometheus' own code. It reads a request from standard
// input and prints its answer, both JSON. What it does not complain of, `promtool check metrics` and `promtool check
// rules` do not complain of either: that program itself needs the SDK of every cloud and takes minutes to build.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// request is what is to be judged.
type request struct {
	// Scrapes are what the target exposed, the oldest first.
	Scrapes []scrape `json:"scrapes"`
	Target  target   `json:"target"`
	// Rules is a file of rules.
	Rules json.RawMessage `json:"rules"`
	// Queries are PromQL expressions, to be evaluated at the time of the last scrape.
	Queries []string `json:"queries"`
}

// answer is what Prometheus has to say.
type answer struct {
	// Lint has a line for each complaint about the last scrape.
	Lint []string `json:"lint"`
	// Rules has a line for each error in the rules.
	Rules   []string  `json:"rules"`
	Queries []outcome `json:"queries"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "prometheus:", err)
		os.Exit(1)
	}
}

func run() error {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	lint, err := linted(asked.Scrapes[len(asked.Scrapes)-1])
	if err != nil {
		return err
	}
	kept, err := load(asked.Scrapes, asked.Target)
	if err != nil {
		return err
	}
	expressions := parser.NewParser(parser.Options{})
	said := answer{Lint: lint, Rules: []string{}, Queries: []outcome{}}
	// JSON is YAML, in which rules are written.
	_, wrong := rulefmt.Parse(asked.Rules, false, model.UTF8Validation, expressions, promslog.NewNopLogger())
	for _, one := range wrong {
		said.Rules = append(said.Rules, one.Error())
	}
	engine := newEngine(expressions)
	for _, one := range asked.Queries {
		said.Queries = append(said.Queries, evaluate(engine, expressions, kept, one))
	}
	return json.NewEncoder(os.Stdout).Encode(said)
}

// linted returns what Prometheus' lint says of the text of a scrape.
func linted(one scrape) ([]string, error) {
	problems, err := promlint.New(strings.NewReader(one.Text)).Lint()
	lines := []string{}
	for _, problem := range problems {
		lines = append(lines, problem.Metric+": "+problem.Text)
	}
	return lines, err
}
