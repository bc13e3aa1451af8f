package publish

// wirelab run --http -- go test

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestReadersFindTheReport(t *testing.T) {
	url := os.Getenv("WIRELAB_HTTP_URL") + "/report.csv"
	put, err := http.NewRequest("PUT", url, strings.NewReader("id\n1\n"))
	if err != nil {
		t.Fatal(err)
	}
	put.SetBasicAuth(os.Getenv("WIRELAB_USER"), os.Getenv("WIRELAB_PASSWORD"))
	stored, err := http.DefaultClient.Do(put)
	if err != nil {
		t.Fatal(err)
	}
	stored.Body.Close()
	found, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Body.Close()
	report, err := io.ReadAll(found.Body)
	if err != nil || string(report) != "id\n1\n" {
		t.Fatalf("readers find %q (%v)", report, err)
	}
}
