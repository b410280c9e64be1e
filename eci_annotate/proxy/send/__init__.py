"""Ways out: the centre by HTTPS, or an SFTP server."""
