"""Tests publish.py against real servers:

    wirelab run --ftp --http -- python3 -m unittest
    wirelab run --ftp --http -- python3 -m pytest
"""
import os
import unittest
from urllib.error import HTTPError
from urllib.request import urlopen

from publish import publish

web = os.environ["WIRELAB_HTTP_URL"]
server = {
    "host": os.environ["WIRELAB_FTP_HOST"],
    "port": int(os.environ["WIRELAB_FTP_PORT"]),
    "user": os.environ["WIRELAB_USER"],
    "password": os.environ["WIRELAB_PASSWORD"],
}


class PublishTest(unittest.TestCase):
    def test_readers_find_the_report(self):
        publish(b"id\n1\n", "report.csv", **server)
        with urlopen(f"{web}/report.csv") as page:
            self.assertEqual(page.read(), b"id\n1\n")

    def test_nothing_else_is_left(self):
        publish(b"id\n2\n", "other.csv", **server)
        with self.assertRaises(HTTPError) as refused, urlopen(f"{web}/other.csv.part"):
            pass
        self.assertEqual(refused.exception.code, 404)


if __name__ == "__main__":
    unittest.main()
