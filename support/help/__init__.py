"""The help centre: articles as Markdown files in three languages, their search, and what readers say."""
