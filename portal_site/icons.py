"""The line icons: one path each in a 16 px square, drawn for this project."""

from types import MappingProxyType
from typing import Final

ICONS: Final = MappingProxyType(
    {
        "check": "M3 8.5 6.5 12 13 4.5",
        "cross": "M4 4l8 8M12 4l-8 8",
        "info": "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM8 7.2v4M8 4.8v.1",
        "warn": "M8 1.8 15 14H1zM8 6.2v3.6M8 11.8v.1",
        "stop": "M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2zM8 4.8v3.8M8 11v.1",
        "clock": "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM8 4.5V8l2.5 1.8",
        "copy": "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
        "chevron": "M4 6l4 4 4-4",
        "search": "M7 2.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6zM10.6 10.6 14 14",
        "key": "M5 8a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM7.2 8.8 13.5 2.5M11 5l2.2 2.2",
        "mail": "M1.5 3.5h13v9h-13zM1.5 4l6.5 5 6.5-5",
        "lock": "M3.5 7.2h9v6.3h-9zM5.3 7V5a2.7 2.7 0 0 1 5.4 0v2",
        "external": "M6.5 3h-4v10.5h10.5v-4M9 2.5h4.5V7M13.3 2.7 7.5 8.5",
        "back": "M13.5 8h-11M6.5 4l-4 4 4 4",
        "plus": "M8 2.8v10.4M2.8 8h10.4",
        "user": "M8 8.2a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14c.4-2.7 2.5-4 5.5-4s5.1 1.3 5.5 4",
        "download": "M8 2v8.5M4.5 7.2 8 10.7l3.5-3.5M2.5 13.8h11",
        "dot": "M8 7.9v.1",
    }
)
