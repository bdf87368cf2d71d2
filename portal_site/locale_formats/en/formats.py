"""Dates as the portal's pages write them: 22 Nov 2026, 02:09."""

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
