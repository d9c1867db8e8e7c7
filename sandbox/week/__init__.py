"""What both sandboxes' pages share: the week view, its look, and how their files are served."""
