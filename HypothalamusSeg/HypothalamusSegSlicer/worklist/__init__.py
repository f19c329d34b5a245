"""A list of cases to review: where they are, which comes next, and the readers' reviews.

The list itself (`case`, `case_lists`, `review_table`, `worklist`, `agreement`) knows neither Slicer
nor Qt; the other files bring its cases into the scene.
"""
