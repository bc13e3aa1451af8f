#!/bin/sh
# A test of curl's retries, with curl and jq. It finds a lab by variables:
#
#     wirelab run --ftp --control -- sh examples/control/upload-test.sh
set -eu

lab() {
  method=$1 path=$2
  shift 2
  curl --silent --show-error --fail --request "$method" --header "Authorization: Bearer $WIRELAB_CONTROL_TOKEN" \
    --header 'Content-Type: application/json' "$WIRELAB_CONTROL_URL/v1$path" "$@"
}

expect() {
  if [ "$2" = "$3" ]; then
    echo "ok: $1"
  else
    echo "not ok: $1: expected $2, got $3"
    exit 1
  fi
}

lab POST /reset
lab POST /faults --data '{ "when": { "verb": "STOR" }, "times": 1, "fault": { "kind": "reply", "with": { "code": 450, "text": "Busy." } } }' > /dev/null

echo 'id,1' | curl --silent --show-error --user foo:bar --upload-file - "$WIRELAB_FTP_URL/report.csv" 2> /dev/null || true
echo 'id,1' | curl --silent --show-error --user foo:bar --upload-file - "$WIRELAB_FTP_URL/report.csv"

expect 'the file is there' 'id,1' "$(lab GET /files/report.csv)"
expect 'the rule has acted once' 1 "$(lab GET /faults | jq '.[0].acted')"
expect 'it was asked for twice' 2 "$(lab GET /transcript | jq '[.events[] | select(.verb == "STOR")] | length')"
expect 'and stored whole' 5 "$(lab GET '/events/wait?type=transfer&complete=true' | jq .bytes)"
