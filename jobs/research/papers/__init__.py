"""What `hashcore reproduce` is made of: the rows of the papers' tables, their data, their measures, and our table."""
