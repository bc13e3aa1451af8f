"""A test of an uploading client in Python, with nothing but the standard library.

It finds a lab by variables:

    wirelab run --ftp --control -- python3 -m unittest examples/control/upload_test.py
"""

import ftplib
import io
import json
import os
import unittest
import urllib.parse
import urllib.request


class Lab:
    """A running lab, by its control API."""

    def __init__(self, url=None, token=None):
        self.url = url or os.environ["WIRELAB_CONTROL_URL"]
        self.token = token or os.environ["WIRELAB_CONTROL_TOKEN"]

    def ask(self, method, path, body=None, **query):
        url = f"{self.url}/v1{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as answer:
            content = answer.read()
            if answer.headers.get_content_type() == "application/json":
                return json.loads(content)
            return content


def upload(name, content):
    """What is tested: tries again when the server cuts the connection."""
    host, port = os.environ["WIRELAB_FTP_HOST"], int(os.environ["WIRELAB_FTP_PORT"])
    for attempt in range(1, 4):
        try:
            with ftplib.FTP() as ftp:
                ftp.connect(host, port, timeout=10)
                ftp.login("foo", "bar")
                ftp.storbinary(f"STOR {name}", io.BytesIO(content))
            return attempt
        except (OSError, EOFError, ftplib.error_temp):
            continue
    raise RuntimeError("three attempts have failed")


class UploadTest(unittest.TestCase):
    def setUp(self):
        self.lab = Lab()
        self.lab.ask("POST", "/reset")

    def test_stores_the_file(self):
        self.assertEqual(upload("report.csv", b"id\n1\n"), 1)
        self.assertEqual(self.lab.ask("GET", "/files/report.csv"), b"id\n1\n")

    def test_tries_again_after_a_reset(self):
        self.lab.ask(
            "POST",
            "/faults",
            {"when": {"verb": "STOR"}, "times": 1, "fault": {"kind": "reset", "afterBytes": 512}},
        )
        self.assertEqual(upload("report.csv", b"x" * 100_000), 2)
        done = self.lab.ask("GET", "/events/wait", type="transfer", complete="true")
        self.assertEqual(done["bytes"], 100_000)


if __name__ == "__main__":
    unittest.main()
