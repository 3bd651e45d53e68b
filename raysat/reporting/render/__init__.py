"""A report's forms: terminal, Markdown, LaTeX, HTML, CSV and JSON."""
