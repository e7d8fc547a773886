"""Any phone's browser as a device: it opens a page that this machine serves, measures, and posts back."""
