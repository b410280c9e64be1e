"""What files store as it is: headers of uncompressed files, room for their pixels, lookup tables."""
