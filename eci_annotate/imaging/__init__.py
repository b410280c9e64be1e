"""Pure geometry of images: volumes, planes, contours and annotations in patient millimetres."""
