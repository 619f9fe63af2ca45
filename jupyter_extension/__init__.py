"""The JupyterLab sidebar: its server routes here, its TypeScript in `frontend/`."""


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Tell jupyter_server which app to load; imported here so that reading the package is light."""
    from jupyter_extension.app import KdMagicsApp

    return [{"module": "jupyter_extension", "app": KdMagicsApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell `jupyter-builder develop`, which links an editable install, what is built where."""
    return [{"src": "labextension", "dest": "kd-magics"}]
