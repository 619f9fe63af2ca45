"""Every kernel has the magics: notebooks of 2020 do not load them."""

c = get_config()  # noqa: F821 - IPython gives it
c.InteractiveShellApp.extensions = ["kd_magics"]
