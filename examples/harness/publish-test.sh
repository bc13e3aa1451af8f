#!/bin/sh
# wirelab run --ftp --http -- sh publish-test.sh
set -eu
printf 'id\n1\n' | curl -sS --user "$WIRELAB_USER:$WIRELAB_PASSWORD" -T - "$WIRELAB_FTP_URL/report.csv"
test "$(curl -sS "$WIRELAB_HTTP_URL/report.csv" | wc -l)" -eq 2
status=$(curl -sS -o /dev/null -w '%{http_code}' "$WIRELAB_HTTP_URL/nothing.csv")
test "$status" = 404
echo "readers find the report"
