"""What people and machines read after an export: the terminal table, report.json and manifest.json."""
