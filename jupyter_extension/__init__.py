"""The JupyterLab sidebar: its server routes will live here, its TypeScript in `frontend/`."""
