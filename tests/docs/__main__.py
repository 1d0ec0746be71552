"""Write the pages."""

from tests.docs.pages import PAGES

for path, page in PAGES.items():
    path.write_text(page())
