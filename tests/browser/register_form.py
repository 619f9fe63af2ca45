"""The form that registers a model, as whoever fills it in meets it."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.sidebar import Sidebar

LABELS = (
    "Name",
    "Version",
    "Model file or folder",
    "Scoring script",
    "Description",
    "Metrics (JSON)",
    "Example request (JSON)",
)


class RegisterForm:
    """The tab with the form."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.form = page.get_by_role("form", name="Model")
        self.preview = page.get_by_role("region", name="What will be written")

    def open(self) -> "RegisterForm":
        """Open it by the button of the section Models."""
        sidebar = Sidebar(self.page).open()
        sidebar.region.get_by_role("button", name="Register a model…").first.click()
        expect(self.form).to_be_visible()
        return self

    def field(self, label: str) -> Locator:
        """Return a field by its label."""
        return self.form.get_by_label(label, exact=True)

    def fill(self, **values: str) -> None:
        """Type into fields, by the first word of their labels."""
        for word, value in values.items():
            (label,) = (one for one in LABELS if one.startswith(word))
            self.field(label).fill(value)

    def browse(self, label: str, *steps: str) -> None:
        """Choose a path in the picker: open each folder, then choose the last."""
        self.form.get_by_role("button", name=f"Browse for: {label}").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name="Project repository").click()
        for step in steps[:-1]:
            dialog.get_by_role("button", name=f"Open {step}", exact=True).click()
        dialog.get_by_role("button", name=steps[-1], exact=True).click()
        dialog.get_by_role("button", name="Choose").click()
        expect(dialog).to_be_hidden()

    def problem(self, text: str) -> Locator:
        """Return the sentence about what is wrong with a field."""
        return self.form.locator(".kd-Problem").filter(has_text=text)

    def register(self) -> None:
        """Press the button."""
        self.form.get_by_role("button", name="Register", exact=True).click()

    @property
    def done(self) -> Locator:
        """Return the sentence that it is registered."""
        return self.form.get_by_role("status").filter(has_text="is registered")
