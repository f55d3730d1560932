"""What starts work by itself: the clock, the folders and the disks. It drops a request on the queue, and returns."""
