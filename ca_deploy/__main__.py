"""`python -m ca_deploy`."""

from ca_deploy.cli import main

if __name__ == "__main__":
    main()
