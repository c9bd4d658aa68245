"""Prints the user data of a machine as Nova keeps it, in base64; run by Debian's Python.

The admin's variables give the login, since Nova shows it to nobody else.
"""

import sys

import openstack

if __name__ == "__main__":
    cloud = openstack.connect()
    sys.stdout.write(cloud.compute.get_server(sys.argv[1]).user_data or "")
