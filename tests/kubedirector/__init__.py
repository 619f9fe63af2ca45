"""KubeDirector's part for the tests: what its operator refuses, and what it makes of the rest.

``rules`` has what its webhook refuses, ``admission`` asks them for a real API server, ``operator``
writes the status, and ``pods`` runs members as processes of this machine. All of it is that of
KubeDirector v0.11.0 (``pkg/validator``, ``pkg/controller/kubedirectorcluster``) as run on an API
server 1.34; a test that passes here and fails there is a hole in this package.
"""
