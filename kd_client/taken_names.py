"""The names of magics that every notebook has, for those who are in none: a cluster's is another.

Names that no cluster can have (with capitals or underscores) are left out. A notebook asks its
shell instead, which also knows what the user has added.
"""

_NAMES = """
alias attachments autoawait autocall automagic autosave bash bookmark cancel capture cat cd
clear colors conda config cp debug deploy deployments describe dhist dirs ed edit env file
get gui hist history html javascript jobs js killbgscripts latex ldir less lf lk ll load loadpy
logoff logon logs logstart logstate logstop ls lsmagic lx macro magic mamba man markdown
matplotlib micromamba mkdir models more mount mv notebook page pastebin pdb pdef pdoc perl pfile
pinfo pinfo2 pip popd pprint precision predict prun psearch psource pushd put pwd pycat pylab
pypy python python2 python3 qtconsole quickref recall register rehashx rep rerun reset rm
rmdir ruby run save sc script sh subshell svg sx system tb time timeit unalias undeploy
unregister uv who whos why writefile xdel xmode
"""
TAKEN = frozenset(_NAMES.split())
