"""What programs ask the service: a bearer token says who acts; cookies are not looked at."""
