"""Puts a report where readers find it: what test_publish.py tests."""
from ftplib import FTP
from io import BytesIO


def publish(report: bytes, name: str, *, host: str, port: int, user: str, password: str) -> None:
    """Uploads under a name that nobody reads yet, and renames: nobody ever sees half a report."""
    with FTP() as ftp:
        ftp.connect(host, port)
        ftp.login(user, password)
        ftp.storbinary(f"STOR {name}.part", BytesIO(report))
        ftp.rename(f"{name}.part", name)
