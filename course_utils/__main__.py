"""Run the `course` command as `python -m course_utils`."""

from course_utils.cli import main

raise SystemExit(main())
