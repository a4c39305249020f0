"""Addresses of repositories: pages for people, whatever way git takes to them."""

import re

# Where ssh is let through to, for the host that has the pages.
_HOSTS = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com", "altssh.bitbucket.org": "bitbucket.org"}
_AZURE = ("ssh.dev.azure.com", "vs-ssh.visualstudio.com")
_WEB = re.compile(r"(https?://)(?:[^/]*@)?(.+)")
# ssh://git@host:22/path, git@host:path
_SSH = re.compile(r"(?:(?:ssh|git)://(?:[^/]*@)?([^/:]+)(?::\d+)?/|(?:[^/:]*@)?([^/:]+):)/*(.+)")
_REQUESTS = {
    "gitlab": "-/merge_requests/new?merge_request%5Bsource_branch%5D={branch}",
    "dev.azure.com": "pullrequestcreate?sourceRef={branch}&targetRef={main}",
    "visualstudio.com": "pullrequestcreate?sourceRef={branch}&targetRef={main}",
    "bitbucket.org": "pull-requests/new?source={branch}&dest={main}",
    "": "compare/{main}...{branch}?expand=1",
}


def web_page(remote: str) -> str:
    """Return the https address of a remote without `.git`, and without the password or token that may be in it."""
    remote = remote.strip().rstrip("/").removesuffix(".git")
    if web := _WEB.fullmatch(remote):
        return "".join(web.groups())
    if not (ssh := _SSH.fullmatch(remote)):
        return remote  # A folder of this machine.
    host, path = ssh[1] or ssh[2], ssh[3]
    if host in _AZURE:
        _, organisation, project, name = path.split("/")
        return f"https://dev.azure.com/{organisation}/{project}/_git/{name}"
    return f"https://{_HOSTS.get(host, host)}/{path}"


def is_folder(address: str) -> bool:
    """Tell whether an address, as git or Copier takes it, is a folder of this machine."""
    return re.match(r"[\w+.-]+://|[^/]*:", address) is None


def request_page(web: str, branch: str, main: str) -> str:
    """Return the page that opens a pull request of a branch by hand."""
    page = next(page for host, page in _REQUESTS.items() if host in web)
    return f"{web}/{page.format(branch=branch, main=main)}"
