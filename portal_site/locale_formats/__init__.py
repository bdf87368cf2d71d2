"""How values read where Django writes them, by locale (FORMAT_MODULE_PATH).

Django prefers a locale's formats to the settings of the same name, even without
translations; what is left out here is Django's own.
"""
