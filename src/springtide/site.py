"""The ASGI app: joins pages and API, and puts one guard before every route."""

import importlib
import logging
import pkgutil
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.routes import BaseRoute
from litestar.static_files import create_static_files_router
from litestar.types import Message, Receive, Scope, Send

from springtide import api, web
from springtide.api.door import Door
from springtide.api.observe import Observer
from springtide.api.openapi import openapi_config
from springtide.bootstrap import House
from springtide.domain.access.model import AccessRule, Caller, Key, Member, Needs, Person, Public
from springtide.domain.access.model import SignedIn as SignedInRule
from springtide.errors import answer_error
from springtide.web import door

log = logging.getLogger("springtide.site")
