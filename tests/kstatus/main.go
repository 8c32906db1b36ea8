// Command kstatus says what Flux and Helm 4 take an object for. It reads a JSON list of objects from standard input
// and prints the status that their own library computes for each, one a line.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

func run() error {
	var list struct {
		Items []unstructured.Unstructured `json:"items"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&list); err != nil {
		return err
	}
	for index := range list.Items {
		result, err := status.Compute(&list.Items[index])
		if err != nil {
			return err
		}
		fmt.Println(result.Status)
	}
	return nil
}
