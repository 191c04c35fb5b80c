"""What runs by itself: the timetable of jobs and the loop that works through it."""
