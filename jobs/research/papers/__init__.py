"""Parts of `hashcore reproduce`: rows of the papers' tables, their data and measures, and our table."""
