"""The rivals, one per file. To add one, write its file and list it in `all_rivals.py`."""
