"""What the course stands on and no lesson opens: files, caches, downloads, processes, speed."""
