"""What runs at a hospital: receives images, de-identifies and uploads them; nothing is lost, nothing is sent twice."""
